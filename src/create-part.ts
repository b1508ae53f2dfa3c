/** The `create` bundle: what needs the planner of whole containers. */
export { create, planCommand as plan, run } from './create.js';
export { runPoststart, runPoststop } from './hooks.js';
export { startFailure } from './walk.js';
