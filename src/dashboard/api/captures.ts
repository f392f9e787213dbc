/**
 * GET /admin/requests/{id}/capture: the prompt and the answer of a request, where they were captured.
 */
import type { CaptureView } from '#http/admin/captures.ts'
import { type Answer, ask } from './ask.ts'

export const fetchCapture = (id: string): Promise<Answer<CaptureView>> =>
  ask(`/admin/requests/${encodeURIComponent(id)}/capture`)
