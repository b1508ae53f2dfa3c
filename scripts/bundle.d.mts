/** Types of what bundle.mjs exports, for the tests. */
export function bundleParts(
  entries: Record<string, string>,
  partsDir: string,
  nodeDir: string,
): Promise<void>;
