import type { Effect, Scope } from 'effect'
import type { CheckFailed } from './stage.ts'

export interface Scenario {
  readonly name: string
  /** Succeeds with a note for the table, or fails with what was wrong. */
  readonly play: Effect.Effect<string, CheckFailed, Scope.Scope>
}
