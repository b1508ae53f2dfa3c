/** What scripts/compile-schemas.mjs writes into build/generated. */
declare module '*/build/generated/quick.js' {
  type Check = (value: unknown) => boolean;
  export const config: Check;
  export const process: Check;
}

declare module '*/build/generated/full.js' {
  export interface SchemaError {
    /** JSON pointer into the document */
    instancePath: string;
    keyword: string;
    params: { missingProperty?: string };
  }
  export interface Check {
    (value: unknown): boolean;
    errors: SchemaError[] | null;
  }
  export const config: Check;
  export const process: Check;
}
