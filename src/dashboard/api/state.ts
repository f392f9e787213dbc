/**
 * GET /admin/state: the whole box, now or at a past moment.
 */
import type { BoxView } from '#actors/views/box-view.ts'
import { type Answer, ask } from './ask.ts'

/** @param at epoch ms; null: now */
export const fetchBox = (at: number | null, signal?: AbortSignal): Promise<Answer<BoxView>> =>
  ask('/admin/state', { query: { at }, ...(signal === undefined ? {} : { signal }) })
