/**
 * Settings that operators changed at run time, and that stand above the configuration until they are taken back.
 */
import type { Schema } from 'effect'
import type { Projection } from '#domain/projections/projection.ts'

export interface Override {
  readonly value: Schema.Json
  /** As `admin 127.0.0.1`. */
  readonly by: string
  /** Epoch ms. */
  readonly at: number
}

/** By path, the one that was set last is the last. */
export type Overrides = Map<string, Override>

/** There are some dozen settings, and one for each provider and budget. */
export const OVERRIDES_KEPT = 1_000

export const overrides: Projection<Overrides> = {
  name: 'overrides',
  version: 1,
  hears: ['SettingOverridden'],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    if (event._tag !== 'SettingOverridden') return state
    const { path, value, by } = event
    state.delete(path)
    if (value === null) return state
    state.set(path, { value, by, at: occurredAt })
    const [oldest] = state.keys()
    if (oldest !== undefined && state.size > OVERRIDES_KEPT) state.delete(oldest)
    return state
  },
}
