/**
 * GET /admin/config: the configuration as running, without secrets.
 */
import { type Answer, ask } from './ask.ts'

export interface ConfigAnswer {
  readonly version: string
  readonly config: unknown
}

export const fetchConfig = (signal?: AbortSignal): Promise<Answer<ConfigAnswer>> =>
  ask('/admin/config', signal === undefined ? {} : { signal })
