/** The `exec` bundle: without the planner of whole containers, so that it loads in half the time. */
export { exec } from './exec.js';
