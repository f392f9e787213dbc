/**
 * What kind of work a request of Claude Code is, told by what routing knows of it. The kinds differ in the size of their
 * answers, and their prompts have no prefix in common.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import type { REQUEST_KINDS } from '#domain/policy.ts'

export type RequestKind = (typeof REQUEST_KINDS)[number]

/**
 * The client names sub-agents in a header. Its background calls bring no tools, or web search alone, where the main loop
 * brings a dozen (wire.md 3).
 */
export const requestKind = ({ agentId, tools }: Pick<RequestAdmitted, 'agentId' | 'tools'>): RequestKind => {
  if (agentId !== undefined) return 'agent'
  return tools <= 1 ? 'background' : 'main'
}
