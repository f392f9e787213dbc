/**
 * The official SDK, old and new, before a box with one provider of a kind.
 */
import Anthropic from '@anthropic-ai/sdk'
import AnthropicOld from 'anthropic-sdk-0'
import { Effect } from 'effect'
import { vi } from 'vitest'
import type { Block } from '#infra/simulator/content.ts'
import { answer, type Script } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { configured } from '#test/configured.ts'
import { startBox } from '#test/server.ts'
import { environmentFor, type Kind, startGoogle } from './kind.ts'

const tools = ['Read', 'Bash', 'mcp__some-server__a_tool'].map((name) => ({
  name,
  description: `Simulated ${name}.`,
  input_schema: { type: 'object' as const, properties: { file_path: { type: 'string' }, command: { type: 'string' } } },
}))

/** The smallest call that looks like one of an agent. */
export const call = {
  model: 'claude-opus-5-5',
  max_tokens: 2_000,
  system: 'Be brief.',
  tools,
  messages: [{ role: 'user' as const, content: 'Read two files.' }],
}

export const clients = {
  'SDK 1.x': (options: object) => new Anthropic({ maxRetries: 0, ...options }),
  // The two versions' types differ in what is not used here.
  'SDK 0.x': (options: object) => new AnthropicOld({ maxRetries: 0, ...options }) as unknown as Anthropic,
} as const

/** How a client that knows its own credential, where that is forwarded, is made. */
export const optionsFor = (kind: Kind, baseURL: string) => ({ baseURL, ...(kind.client ?? { apiKey: 'any' }) })

/** Google's tokens, and an environment that has all that providers of any kind want; it goes with `vi.unstubAllEnvs`. */
export const environment = Effect.gen(function* () {
  const google = yield* startGoogle
  const variables = environmentFor(google)
  // Credentials are read when they are needed, from the environment of the process.
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  return { google, variables }
})

/** One provider of a kind with a box in front of it. */
export const setUp = (kind: Kind, script: Script) =>
  Effect.gen(function* () {
    const { google, variables } = yield* environment
    const { provider, simulator } = yield* kind.start({ id: 'it', script, google })
    const box = yield* startBox({ config: yield* configured({ providers: { it: provider } }, variables) })
    return { simulator, box, google }
  })

export const saying = (blocks: readonly Block[]): Script => [{ times: 20, step: answer(blocks) }]

export const modelCalls = (simulator: Simulator) => simulator.requests.filter(({ method }) => method === 'POST')
