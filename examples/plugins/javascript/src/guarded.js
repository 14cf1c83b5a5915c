/**
 * A hook that fails by the contract whatever is thrown in it. (What a hook throws must be a
 * `failure`; anything else would trap, and the log would not say where.)
 */
export function guarded(hook) {
  return () => {
    try {
      return hook();
    } catch (error) {
      throw { client: "", log: describe(error) };
    }
  };
}

function describe(error) {
  if (!(error instanceof Error)) return String(error);
  // An error of the contract is the payload: a case of an enum or a variant.
  const what = "payload" in error ? JSON.stringify(error.payload) : String(error);
  return `${what} ${error.stack.trim()}`;
}
