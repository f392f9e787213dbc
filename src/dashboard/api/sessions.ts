/**
 * GET /admin/sessions/{id}: a session as a tree of agents.
 */
import type { SessionBook } from '#domain/books-query.ts'
import { type Answer, ask } from './ask.ts'

export const fetchSession = (id: string, signal?: AbortSignal): Promise<Answer<SessionBook>> =>
  ask(`/admin/sessions/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal })
