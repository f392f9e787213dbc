/**
 * What the log keeps of a request that is taken in: from its body, as far as routing reads it, and the client's headers. The
 * dry run of the admin API reads the same way.
 */
import type { MessagesRequest } from '#domain/dialect/anthropic-request.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import { modelId, type RequestId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { readTraceparent } from '#domain/trace-context.ts'
import type { Client } from '#http/client-auth.ts'

type Strategy = Policy['routing']['strategy']

export interface AdmissionQuestion {
  readonly requestId: RequestId
  readonly request: MessagesRequest
  readonly bodyBytes: number
  /** The first value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** Strategies that a request may ask for. */
  readonly strategies: readonly Strategy[]
  /** Who asks, where it is a client that does. */
  readonly client?: Pick<Client, 'key' | 'isAnonymous'>
}

export type AdmissionReading =
  | { readonly _tag: 'Admitted'; readonly admitted: Omit<RequestAdmitted, '_tag' | 'draw'> }
  | { readonly _tag: 'Invalid'; readonly message: string }

export const readAdmission = (question: AdmissionQuestion): AdmissionReading => {
  const { requestId, bodyBytes, header, strategies, client } = question
  const { model, stream, maxTokens, messages, tools, images, imageBytes, needs } = question.request
  const wish = header('x-signalbox-strategy')
  const strategy = strategies.find((name) => name === wish)
  if (wish !== undefined && strategy === undefined) {
    const message = `x-signalbox-strategy: ${clip(wish)} is no strategy here; there are ${strategies.join(', ')}`
    return { _tag: 'Invalid', message }
  }
  const sessionId = header('x-claude-code-session-id')
  const agentId = header('x-claude-code-agent-id')
  const parentAgentId = header('x-claude-code-parent-agent-id')
  const traceparent = readTraceparent(header('traceparent'))
  const project = readProject(header('x-signalbox-project') ?? '')
  return {
    _tag: 'Admitted',
    admitted: {
      requestId,
      model: modelId(clip(model)),
      stream,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      bodyBytes,
      messages,
      tools,
      images,
      ...(imageBytes === 0 ? {} : { imageBytes }),
      ...(needs.length === 0 ? {} : { needs }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(sessionId === undefined ? {} : { sessionId: clip(sessionId) }),
      ...(agentId === undefined ? {} : { agentId: clip(agentId) }),
      ...(parentAgentId === undefined ? {} : { parentAgentId: clip(parentAgentId) }),
      ...(client?.key === undefined ? {} : { clientKey: client.key.name }),
      ...(project === '' ? {} : { project }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(client?.isAnonymous === true ? { anonymous: true } : {}),
    },
  }
}

/** Names that a client invents do not fill the log. */
const clip = (text: string): string => (text.length > 200 ? text.slice(0, 200) : text)

/** Characters, not the halves that some are made of. */
const PROJECT_CHARACTERS = 100

/** A header holds ASCII: what is beyond comes percent-encoded. What cannot be printed is left out. */
const readProject = (text: string): string =>
  [...decoded(text).replaceAll(/\p{C}/gu, '').trim()].slice(0, PROJECT_CHARACTERS).join('').trim()

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // A project may have a % in its name.
    return text
  }
}
