// The Node.js twin of `runts-test`: what src/node.ts does, with the bundles of the tests.
const { join } = require('node:path');

const root = join(__dirname, '../..');
const native = require(join(root, 'build/Release/runts.node'));
const argv = process.argv.slice(2);
const loaded = new Map();

function load(part) {
  if (!loaded.has(part))
    loaded.set(part, require(join(root, `build/test-parts/node/${part}.cjs`))(native, argv, load));
  return loaded.get(part);
}

process.exitCode = load('cli').main();
