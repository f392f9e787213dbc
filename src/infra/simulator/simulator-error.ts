/**
 * The one way in which starting a simulated server fails.
 */
import { Data } from 'effect'

/** The port cannot be listened on; `code` is the system's, e.g. EADDRINUSE. */
export class SimulatorError extends Data.TaggedError('SimulatorError')<{
  readonly id: string
  readonly port: number
  readonly code: string
}> {
  override get message(): string {
    return `The simulated provider ${this.id} cannot listen on 127.0.0.1:${this.port} (${this.code}).`
  }
}
