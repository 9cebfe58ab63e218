"""Scripts that mean harm; each defines `f`. What each has to end in is in `test_attacks.py`."""

from __future__ import annotations

ATTACKS = {
    "loop": "function f() { for (;;); }",
    "loop while loading": "for (;;);",
    "loop in a regular expression": "function f() { return /^(a+)+$/.test('a'.repeat(50) + 'b'); }",
    "loop in sort": "function f() { for (;;) new Array(1e5).fill(0).map(Math.sin).sort(() => 1); }",
    "loop that catches": "function f() { for (;;) { try { for (;;); } catch (e) {} finally { continue; } } }",
    "loop in a getter of the result": "function f() { return { get a() { for (;;); } }; }",
    "loop in toJSON": "function f() { return { toJSON() { for (;;); } }; }",
    "loop in a thrown message": "function f() { throw { get message() { for (;;); } }; }",
    "loop in a proxy": "function f() { return new Proxy({}, { ownKeys() { for (;;); } }); }",
    "loop in a promise": "async function f() { for (;;) await null; }",
    "loop in a generator": "function* g() { for (;;) yield 1; } function f() { return [...g()].length; }",
    "promise storm": """function f() {
        const p = () => { Promise.resolve().then(p); Promise.resolve().then(p); };
        p();
        return new Promise(() => {});
    }""",
    "arrays": "function f() { const a = []; for (;;) a.push(new Array(10000).fill(1)); }",
    "one array": "function f() { return new Array(2 ** 32 - 1).fill(0); }",
    "strings": "function f() { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length); }",
    "doubling string": "function f() { let s = 'x'; for (;;) s += s; }",
    "one string": "function f() { return 'x'.repeat(2 ** 29).length; }",
    "padded string": "function f() { return 'x'.padEnd(2 ** 29, 'ab').length; }",
    "joined array": "function f() { return new Array(2 ** 27).join('abcdefgh').length; }",
    "typed arrays": "function f() { const a = []; for (;;) a.push(new Uint8Array(1e6).fill(7)); }",
    "one typed array": "function f() { return new Float64Array(2 ** 28).length; }",
    "array buffer": "function f() { return new ArrayBuffer(2 ** 31 - 1).byteLength; }",
    "map": "function f() { const m = new Map(); for (let i = 0; ; i++) m.set('k'.repeat(10000) + i, i); }",
    "big integer": "function f() { let n = 3n; for (;;) n = n ** 5n; }",
    "symbols": "function f() { const a = []; for (;;) a.push(Symbol('x'.repeat(1e5) + a.length)); }",
    "recursion": "function f() { return f() + 1; }",
    "caught recursion": "function f() { try { return f(); } catch (e) { return f(); } }",
    "recursion in toString": "function f() { const a = { toString() { return '' + a; } }; return '' + a; }",
    "deep result": "function f() { let a = []; for (let i = 0; i < 20000; i++) a = [a]; return a; }",
    "deep source": "function f() { return eval('['.repeat(1e6)); }",
    "deep pattern": "function f() { return new RegExp('(?:'.repeat(1e5)); }",
    "replaced stringify": "JSON.stringify = () => '{bad'; function f() { return { a: 1 }; }",
    "replaced parse": "JSON.parse = () => { for (;;); }; function f(x) { return x; }",
    "replaced toJSON": "Object.prototype.toJSON = () => 10n; function f() { return { a: 1 }; }",
    "replaced slice": "String.prototype.slice = () => { for (;;); }; function f() { throw new Error('x'); }",
    "replaced everything": """
        for (const k of Object.getOwnPropertyNames(globalThis)) { try { globalThis[k] = null } catch {} }
        function f() { return 1; }
    """,
    "spoilt errors": "Array.prototype.toJSON = () => 'x'; function f() { throw new Error('z'); }",
    "huge result": "function f() { return 'x'.repeat(17 * 1024 * 1024); }",
    "huge result of wide letters": "function f() { return new Array(3000).fill('\\u20ac'.repeat(2000)); }",
    "huge toJSON": "function f() { return { toJSON() { return 'x'.repeat(2e7); } }; }",
    "huge exception": "function f() { throw new Error('x'.repeat(2e7)); }",
    "huge exception name": "function f() { const e = new Error('m'); e.name = 'n'.repeat(2e7); throw e; }",
    "console flood": "function f() { for (;;) console.log('x'.repeat(1000)); }",
    "console of a trap": "function f() { console.log({ get a() { for (;;); } }); }",
    "constructor escape": """function f() {
        const g = f.constructor.constructor('return this')();
        return ['process', 'require', 'os', 'std', 'fetch', 'setTimeout', 'Atomics', 'WebAssembly', '__host__']
            .map((name) => typeof g[name]);
    }""",
    "import of a file": "async function f() { return await import('fs'); }",
    "import of the bridge": "async function f() { return Object.keys(await import('junction:bridge')).length; }",
    "call of a port that is not there": """async function f() {
        return (await import('junction:bridge')).port('os', 'system')('id');
    }""",
    "bigint": "function f() { return { a: 1n }; }",
    "symbol": "function f() { return Symbol.iterator; }",
    "wrong find": "async function f() { (await import('junction:bridge')).expose(() => { for (;;); }); return 1; }",
}
