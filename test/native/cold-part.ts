/** The `cold` part of `runts-test`: fails while it is loaded. */
throw new Error('no good part');
