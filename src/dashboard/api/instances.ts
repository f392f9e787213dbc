/**
 * GET /admin/instances: who shares the log.
 */
import type { InstancesView } from '#actors/views/instances-view.ts'
import { type Answer, ask } from './ask.ts'

export const fetchInstances = (signal?: AbortSignal): Promise<Answer<InstancesView>> =>
  ask('/admin/instances', signal === undefined ? {} : { signal })
