// A WebSocket service that sends back what it gets. The argument is the package `ws`; writes its port.

import { pathToFileURL } from "node:url";

const { WebSocketServer } = await import(pathToFileURL(`${process.argv[2]}/wrapper.mjs`));
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });

server.on("connection", (socket) => {
  // Peers break the rules on purpose.
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on("listening", () => console.log(server.address().port));
