/**
 * /admin/overrides: settings that operators changed while the box ran.
 */
import { type Answer, ask } from './ask.ts'

export interface Override {
  /** As in the configuration, e.g. `routing.strategy`. */
  readonly path: string
  readonly value: unknown
  /** As `admin 127.0.0.1`. */
  readonly by: string
  /** Epoch ms. */
  readonly at: number
}

interface OverrideList {
  readonly data: readonly Override[]
}

export const fetchOverrides = (signal?: AbortSignal): Promise<Answer<OverrideList>> =>
  ask('/admin/overrides', signal === undefined ? {} : { signal })

export const takeBack = (path: string): Promise<Answer<OverrideList>> =>
  ask(`/admin/overrides/${encodeURIComponent(path)}`, { method: 'DELETE' })
