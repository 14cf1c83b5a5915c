/** The JSON object `text` with a greeting in it; null for anything else, which is left alone. */
export function greeted(text, greeting, call) {
  const value = parse(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? JSON.stringify({ ...value, greeting, call }) : null;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
