// The cases of JSONTestSuite, as {"name", "input"}, the input in base64. The argument is the package.

import { pathToFileURL } from "node:url";

const { parsing } = await import(pathToFileURL(`${process.argv[2]}/index.js`));
for (const { name, input } of parsing) {
  console.log(JSON.stringify({ name, input: Buffer.from(input, "utf8").toString("base64") }));
}
