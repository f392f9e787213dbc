/**
 * /admin/keys: the keys of the box's clients.
 */
import type { ClientKeyView } from '#actors/views/client-key-view.ts'
import type { WantedKey } from '#domain/client-key.ts'
import { type Answer, ask } from './ask.ts'

/** `secret` is told once, and kept nowhere. */
export interface CreatedKey {
  readonly secret: string
  readonly key: ClientKeyView
}

export const fetchKeys = (signal?: AbortSignal): Promise<Answer<{ readonly data: readonly ClientKeyView[] }>> =>
  ask('/admin/keys', signal === undefined ? {} : { signal })

export const createKey = (key: WantedKey): Promise<Answer<CreatedKey>> =>
  ask('/admin/keys', { method: 'POST', json: key })

export const revokeKey = (id: string): Promise<Answer<ClientKeyView>> =>
  ask(`/admin/keys/${encodeURIComponent(id)}`, { method: 'DELETE' })
