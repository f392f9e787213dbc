/**
 * A call of the log with what it weighs, as the virtual world carries it.
 */
import type { LoggedCall } from '#domain/what-if/traffic.ts'
import type { CallSize } from '#domain/what-if/usage-shape.ts'

export interface Sized {
  readonly call: LoggedCall
  readonly size: CallSize
}
