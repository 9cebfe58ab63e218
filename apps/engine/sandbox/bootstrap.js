// Runs in every fresh guest before any user code; keeps its own copies of what user code may replace.
// Nothing here is a security boundary: the host caps and re-parses whatever comes out.
const host = globalThis.__host__;
delete globalThis.__host__;

const { parse, stringify } = JSON;
const realm = globalThis;
const define = Object.defineProperty;
const apply = Reflect.apply;
const then = Promise.prototype.then;
const slice = String.prototype.slice;
const globalEval = eval;
const NativePromise = Promise;
const NativeString = String;
const NativeError = Error;

const LINE = 4000;
let lookup;
let settled = null;

function text(value) {
  try {
    return apply(slice, NativeString(value), [0, LINE]);
  } catch {
    return "";
  }
}

// Name, message and stack as plain text: string operators only, which no script can replace.
export function describe(error) {
  if (error === null || typeof error !== "object") return "eError\0" + text(error) + "\0";
  let name = "Error", message = "", stack = "";
  try { if (error.name !== undefined) name = text(error.name); } catch {}
  try { message = error.message === undefined ? text(stringify(error)) : text(error.message); } catch {}
  try { if (error.stack !== undefined) stack = text(error.stack); } catch {}
  return "e" + name + "\0" + message + "\0" + stack;
}

function encode(value, limit) {
  let json;
  try {
    json = value === undefined ? "null" : stringify(value);
  } catch (error) {
    return "j" + describe(error);
  }
  if (typeof json !== "string") return "t" + typeof value;
  if (json.length > limit) return "o" + json.length;
  return "v" + json;
}

// `given` names functions of the host that the argument carries as `fn`.
function received(argument, given) {
  const value = parse(argument);
  if (given && value !== null && typeof value === "object") {
    const names = parse(given);
    const functions = value.fn = {};
    for (let i = 0; i < names.length; i++) functions[names[i]] = port("", names[i]);
  }
  return value;
}

export function invoke(name, argument, limit, given) {
  let value;
  try {
    let found;
    try {
      found = lookup(name);
    } catch {}
    if (typeof found !== "function") return "m" + typeof found;
    value = found(received(argument, given));
  } catch (error) {
    return describe(error);
  }
  if (!(value instanceof NativePromise)) return encode(value, limit);
  settled = "p";
  apply(then, value, [(result) => { settled = encode(result, limit); }, (error) => { settled = describe(error); }]);
  return "p";
}

export function outcome() {
  return settled;
}

// An indirect eval is sloppy, as classic scripts are; the engine's own entry is always strict.
// `expose` is a direct eval inside the script, so it sees `const f = …` as well as `function f`.
export function load(source) {
  define(realm, "junction$expose", { value: expose, configurable: true });
  try {
    globalEval(source + "\n;junction$expose((name) => eval(name));");
  } catch (error) {
    return describe(error);
  } finally {
    delete realm.junction$expose;
  }
  return "v";
}

export function expose(find) {
  lookup = find;
}

export function port(module, name) {
  return (...args) => {
    const answer = host("call", module, name, stringify(args));
    if (answer[0] === "v") return parse(apply(slice, answer, [1]));
    throw new NativeError(apply(slice, answer, [1]));
  };
}

function log(level) {
  return (...args) => {
    let line = "";
    for (let i = 0; i < args.length && line.length < LINE; i++) {
      let part = args[i];
      if (typeof part === "object" && part !== null) {
        if (part instanceof NativeError) part = `${part.name}: ${part.message}`;
        else try { part = stringify(part); } catch {}
      }
      line += (i ? " " : "") + text(part);
    }
    host("log", level, apply(slice, line, [0, LINE]));
  };
}
globalThis.console = { log: log("log"), info: log("info"), warn: log("warn"), error: log("error"), debug: log("debug") };

// The guest's generator is seeded once, before the image is taken: every call would draw the same numbers.
// The first use asks the host, so an image whose loading drew a number is known and never reused.
let a, b, c, d;
Math.random = function random() {
  if (a === undefined) [a, b, c, d] = parse(host("seed"));
  const t = (((a + b) | 0) + d) | 0;
  d = (d + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + t) | 0;
  return (t >>> 0) / 4294967296;
};

globalThis.__bridge__ = [invoke, outcome, describe, load];
