// Runs a text decoder in LiteRT.js: LiteRT's CompiledModel, as WebAssembly. Tests call it.
//
//     node litert-decoder.mjs BUNDLE SECTIONS TOKENS
//
// SECTIONS is JSON: { decoder, embedder, perLayer }, each [begin, end] in BUNDLE, perLayer null where there is none. TOKENS is a JSON
// list. Prints JSON: { prefill, logits }, for each token its logits by `decode` alone, and the last one's after `prefill_N` for as
// many tokens as there are before it, where the model has such a graph.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runInThisContext } from 'node:vm';

const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve('@litertjs/core/package.json')), 'wasm');
// The build without relaxed SIMD: the other one computes wrongly with 2-bit codes under node.
const name = 'litert_wasm_compat_internal';

// The package is made for browsers: it loads a script, which loads the WebAssembly beside it.
globalThis.self = globalThis;
globalThis.require = require;
globalThis.__filename = join(folder, name + '.js');
globalThis.__dirname = folder;
globalThis.importScripts = () => runInThisContext(readFileSync(join(folder, name + '.js'), 'utf8'), { filename: name + '.js' });
self.Module = { wasmBinary: readFileSync(join(folder, name + '.wasm')), print: (text) => console.error(text), printErr: (text) => console.error(text) };

const { loadLiteRt, loadAndCompile, Tensor } = await import('@litertjs/core');
await loadLiteRt(join(folder, name + '.js'));

const [bundle, sections, list] = process.argv.slice(2);
const tokens = JSON.parse(list);
const file = openSync(bundle, 'r');

async function open(range) {
    if (range === null) {
        return null;
    }
    const bytes = new Uint8Array(range[1] - range[0]);
    for (let at = 0; at < bytes.length;) {
        const count = readSync(file, bytes, at, bytes.length - at, range[0] + at);
        if (count === 0) {
            throw new Error(bundle + ' ends within a section');
        }
        at += count;
    }
    return loadAndCompile(bytes, { accelerator: 'wasm' });
}

const { decoder: d, embedder: e, perLayer: p } = JSON.parse(sections);
const [decoder, embedder, perLayer] = [await open(d), await open(e), await open(p)];
closeSync(file);

async function look(model, token) {
    const input = new Tensor(new Int32Array([token]), [1, 1]);
    const [output] = await model.run([input]);
    const row = Float32Array.from(await output.data());
    input.delete();
    output.delete();
    return row;
}

const details = Object.fromEntries(Object.entries(decoder.signatures).map(([key, signature]) => [key, signature.getInputDetails()]));
const caches = details.decode.filter((input) => input.name.startsWith('kv_cache_'));
const width = details.decode.find((input) => input.name === 'mask').shape[3];

function empty() {
    return Object.fromEntries(caches.map((input) => [input.name, new Float32Array(input.shape.reduce((a, b) => a * b, 1))]));
}

async function step(key, own, begin, state) {
    const shapes = Object.fromEntries(details[key].map((input) => [input.name, input.shape]));
    const mask = new Float32Array(own.length * width).fill(-0.7 * 3.4028234663852886e38);
    own.forEach((_, row) => mask.fill(0, row * width, row * width + begin + row + 1));
    const values = {
        embeddings: Float32Array.from((await all(embedder, own)).flat()),
        input_pos: Int32Array.from(own, (_, row) => begin + row),
        mask,
        ...state,
    };
    if (perLayer !== null) {
        values.per_layer_embeddings = Float32Array.from((await all(perLayer, own)).flat());
    }
    const inputs = Object.fromEntries(Object.entries(values).map(([input, value]) => [input, new Tensor(value, [...shapes[input]])]));
    const outputs = await decoder.run(key, inputs);
    for (const input of caches) {
        state[input.name] = Float32Array.from(await outputs[input.name].data());
    }
    const logits = outputs.logits === undefined ? null : Array.from(await outputs.logits.data());
    [...Object.values(inputs), ...Object.values(outputs)].forEach((tensor) => tensor.delete());
    return logits;
}

async function all(model, own) {
    const rows = [];
    for (const token of own) {
        rows.push(Array.from(await look(model, token)));
    }
    return rows;
}

const result = { logits: [], prefill: null };
let state = empty();
for (let i = 0; i < tokens.length; i++) {
    result.logits.push(await step('decode', [tokens[i]], i, state));
}
const graph = 'prefill_' + (tokens.length - 1);
if (details[graph] !== undefined) {
    state = empty();
    await step(graph, tokens.slice(0, -1), 0, state);
    result.prefill = await step('decode', [tokens.at(-1)], tokens.length - 1, state);
}
console.log(JSON.stringify(result));
