/**
 * POST /admin/providers/{id}/…: what an operator does about a provider.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import { type Answer, ask } from './ask.ts'

export type ProviderAction = 'drain' | 'enable' | 'reset'

export const actOn = (id: string, action: ProviderAction): Promise<Answer<ProviderView>> =>
  ask(`/admin/providers/${encodeURIComponent(id)}/${action}`, { method: 'POST' })
