/**
 * A Messages body as every Claude wire takes it: its shape always; betas and fields when the provider knows only some; and
 * what a real Claude refuses beyond that when it is strict.
 */
import { checkBetas, checkFields } from '#infra/simulator/anthropic/known-names.ts'
import { checkHistory } from '#infra/simulator/anthropic/strict-history.ts'
import { checkGeneration } from '#infra/simulator/anthropic/strict-models.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { type MessagesBody, parseBody } from '#infra/simulator/request-body.ts'
import type { EngineRequest } from '#infra/simulator/wire.ts'

/** A body that is in order, or the message of the 400. */
export type ClaudeBody =
  | { readonly _tag: 'Valid'; readonly body: MessagesBody }
  | { readonly _tag: 'Invalid'; readonly message: string }

/**
 * `counting`: for count_tokens. `version`: of the API, as the request names it. `model`: from the path, where the body must
 * not have it.
 */
export const parseClaudeBody = (
  request: EngineRequest,
  options: EngineOptions,
  how: { readonly counting: boolean; readonly version: string | undefined; readonly model?: string },
): ClaudeBody => {
  const parsed = parseBody(request.body, how)
  if (parsed._tag === 'Invalid') return parsed
  for (const complaint of checkClaude(parsed.body, request, options)) {
    if (complaint !== undefined) return { _tag: 'Invalid', message: complaint }
  }
  return parsed
}

function* checkClaude(
  body: MessagesBody,
  { headers }: EngineRequest,
  { betas, fields, strict }: EngineOptions,
): Generator<string | undefined> {
  if (betas !== undefined) yield checkBetas(headers, betas)
  if (fields !== undefined) yield* checkFields(body, fields)
  if (strict !== true) return
  yield* checkGeneration(body)
  yield* checkHistory(body)
}
