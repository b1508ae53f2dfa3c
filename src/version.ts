/** What this program is. */

/** Set by the build (esbuild's define). */
declare const __version: string;
declare const __commit: string;

export const version = typeof __version === 'undefined' ? 'unbuilt' : __version;
export const commit = typeof __commit === 'undefined' ? 'unknown' : __commit;
/** The runtime-spec that is implemented. */
export const specVersion = '1.3.0';

/** Output of `--version`. Docker takes what follows the last word "version" of a line, so it stands in the first only. */
export function versionText(): string {
  return `runts version ${version}\ncommit: ${commit}\nspec: ${specVersion}\n`;
}
