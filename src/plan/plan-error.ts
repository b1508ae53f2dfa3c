/** A configuration that is well-formed but cannot be carried out: which entry, and why. */
export class PlanError extends Error {
  constructor(
    /** JSON pointer into config.json */
    readonly pointer: string,
    readonly reason: string,
  ) {
    super(pointer ? `${pointer}: ${reason}` : reason);
  }
}
