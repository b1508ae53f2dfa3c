/** The bytes that walkBegin() (native/addon_walk.cc) makes of an encoded plan and hands to C; native/plan.h has the layout. */
import { type EncodedPlan, encode } from '../src/plan/encode.js';
import { flatten, type Step, type Text } from '../src/plan/step.js';

const bytesOf = (text: Text): Buffer =>
  typeof text === 'string'
    ? Buffer.from(text)
    : text instanceof Uint8Array
      ? Buffer.from(text)
      : Buffer.from(text.map(item => `${item}\0`).join(''));

function assemble({ records, texts }: EncodedPlan): Buffer {
  const offsets: number[] = [];
  const table: Buffer[] = [];
  let size = 0;
  for (const text of texts) {
    const bytes = bytesOf(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    offsets.push(size);
    table.push(length, bytes, Buffer.alloc(1));
    size += bytes.length + 5;
  }
  const plan = Buffer.concat([records, ...table]);
  plan.writeUInt32LE(plan.length, 16);
  plan.writeUInt32LE(records.length, 24);
  plan.writeUInt32LE(size, 28);
  for (let step = 32; step < records.length; step += 104)
    for (let at = step + 80; at < step + 104; at += 4)
      plan.writeUInt32LE(offsets[plan.readUInt32LE(at)]!, at);
  return plan;
}

export const planBytes = (steps: readonly Step[]): Buffer => assemble(encode(flatten(steps)));
