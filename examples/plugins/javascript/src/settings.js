/** A JSON Schema of the settings, for editors and `torana check`. */
export const SCHEMA = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: {
    header: { type: "string", description: "The header with the caller's name." },
    greeting: {
      type: "string",
      description: "What is said before the name. An empty one leaves bodies as they are.",
      default: "Hello",
    },
  },
  required: ["header"],
  additionalProperties: false,
};

// RFC 9110, 5.6.2: a token.
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The settings. Throws all that is wrong with them, as a list of the contract's setting errors. */
export function readSettings(json) {
  const { header, greeting = "Hello", ...others } = JSON.parse(json);
  const errors = [];
  const wrong = (path, message) => errors.push({ path, message });
  if (header === undefined) {
    wrong([], 'write `header`, the header with the caller\'s name: header = "x-user"');
  } else if (typeof header !== "string" || !FIELD_NAME.test(header)) {
    wrong(["header"], 'this is no header name: write one like "x-user"');
  }
  if (typeof greeting !== "string") {
    wrong(["greeting"], 'this is no text: write one like "Hello"');
  }
  for (const name of Object.keys(others)) {
    wrong([name], "there is no such setting; there are `header` and `greeting`");
  }
  if (errors.length > 0) throw errors;
  return { header, greeting };
}
