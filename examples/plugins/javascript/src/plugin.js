// Greets callers by name, and counts their calls: glue between the gateway and the other files.

import attributes from "torana:plugin/attributes@0.1.3";
import hookNeeds from "torana:plugin/hook-needs@0.1.3";
import kv from "torana:plugin/kv@0.1.3";
import log from "torana:plugin/log@0.1.3";
import request from "torana:plugin/request@0.1.3";
import response from "torana:plugin/response@0.1.3";
import responseAhead from "torana:plugin/response-ahead@0.1.3";
import responseBody from "torana:plugin/response-body@0.1.3";
import responseBodyEdit from "torana:plugin/response-body-edit@0.1.3";

import { greeted } from "./body.js";
import { guarded } from "./guarded.js";
import { problem } from "./problem.js";
import { SCHEMA, readSettings } from "./settings.js";

const NEXT = { tag: "next" };

let settings;

export const configure = {
  configure(json) {
    settings = readSettings(json);
    // Nobody is greeted: then no body has to be held.
    if (settings.greeting === "") hookNeeds.skip({ onResponseBody: true });
    // What is so for all is said once, and stands.
    responseAhead.edit([{ tag: "merge", val: { name: "vary", value: settings.header } }]);
    return { tickMs: null };
  },
};

export const schema = {
  settings: () => JSON.stringify(SCHEMA),
};

export const onRequestHead = {
  handle: guarded(() => {
    const { header } = settings;
    let caller;
    try {
      caller = request.header(header);
    } catch (error) {
      // These two are the client's mistakes; whatever else there is, is ours.
      if (!["repeated", "not-text"].includes(error.payload)) throw error;
      return refuse(400, "bad-header", `The header \`${header}\` must be there once, as UTF-8.`);
    }
    if (!caller) return refuse(401, "missing-header", `The header \`${header}\` is missing.`);
    const call = kv.increment("calls", 1, null);
    log.write("info", `call ${call}`);
    // The response may meet another instance: what it must know travels as attributes.
    attributes.update([["caller", caller], ["call", String(call)]]);
    // What is known of the response already needs no hook of its own.
    responseAhead.edit([{ tag: "set", val: { name: "x-call", value: String(call) } }]);
    return NEXT;
  }),
};

export const onResponseBody = {
  handle: guarded(() => {
    const caller = attributes.get("caller");
    // With `on_error = "skip"` a response may come here without a caller.
    if (caller === null || !isJson(response.header("content-type"))) return NEXT;
    const call = Number(attributes.get("call"));
    const body = greeted(responseBody.text(), `${settings.greeting}, ${caller}!`, call);
    if (body !== null) responseBodyEdit.writeText(body);
    return NEXT;
  }),
};

function refuse(status, kind, detail) {
  return { tag: "respond", val: problem(status, kind, detail) };
}

function isJson(contentType) {
  return /^application\/json *(;|$)/i.test(contentType ?? "");
}
