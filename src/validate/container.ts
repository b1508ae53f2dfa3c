/** Rules on the document as a whole: version, root, annotations, hooks, and the texts in it. */
import { HOOK_KINDS } from '../plan/hooks.js';
import type { Spec } from '../spec.js';
import { each, isAbsolute, type Report, step } from './report.js';

/**
 * Within a major version the specification is compatible both ways: a newer minor version is no error. 0 was the
 * draft of 1; old tools still write it.
 */
export function ociVersion(spec: Spec, _at: string, report: Report): void {
  // https://semver.org, 2.0.0
  const version = /^([01])\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
  const major = version.exec(spec.ociVersion)?.[1];
  if (major === undefined) report('oci-version', '/ociVersion', spec.ociVersion);
  else if (major === '0') report('oci-version-early', '/ociVersion', spec.ociVersion);
}

export function root(spec: Spec, _at: string, report: Report): void {
  if (spec.root === undefined) report('root-required', '/root', undefined);
  else if (spec.root.path === '') report('root-path', '/root/path', '');
}

export function annotations(spec: Spec, _at: string, report: Report): void {
  if (spec.annotations !== undefined && Object.hasOwn(spec.annotations, '')) {
    report('annotation-key', '/annotations/', '');
  }
}

export function hooks(spec: Spec, _at: string, report: Report): void {
  if (spec.hooks === undefined) return;
  for (const kind of HOOK_KINDS) {
    each(spec.hooks[kind], `/hooks/${kind}`, report, (hook, at) => {
      if (!isAbsolute(hook.path)) report('hook-path', `${at}/path`, hook.path);
      const env = hook.env ?? [];
      for (let i = 0; i < env.length; i++) {
        if (env[i]!.indexOf('=') < 1) report('hook-env', `${at}/env/${i}`, env[i]);
      }
    });
  }
}

/** Depth from which on texts are no longer looked at, for the stack's sake: nothing of the specification is there. */
const MAX_DEPTH = 100;

/**
 * No text may hold a NUL, which would end it early in every system call, or half of a surrogate pair, which has no
 * bytes in UTF-8. Both can only come from `\u` escapes.
 */
export function texts(value: unknown, at: string, report: Report, depth = 0): void {
  if (typeof value === 'string') {
    checkText(value, at, value, report);
  } else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    for (const key of Object.keys(value)) {
      const place = `${at}${step(key)}`;
      checkText(key, place, key, report);
      texts((value as Record<string, unknown>)[key], place, report, depth + 1);
    }
  }
}

function checkText(text: string, at: string, found: string, report: Report): void {
  if (text.includes('\0')) report('text-nul', at, found);
  if (/[\ud800-\udfff]/u.test(text)) report('text-surrogate', at, found);
}

/** Whether a JSON text can hold such a character at all: it is far cheaper to ask than to look at every text. */
export function mayHoldBadTexts(json: string): boolean {
  for (let at = json.indexOf('\\u'); at !== -1; at = json.indexOf('\\u', at + 2)) {
    if (/^(?:0000|d[89a-f])/i.test(json.slice(at + 2, at + 6))) return true;
  }
  return false;
}
