/**
 * One simulated provider per kind and wire, with the entry that a configuration would have for it.
 */
import { Effect, type Scope } from 'effect'
import { vi } from 'vitest'
import { startGoogleTokens } from '#infra/simulator/google-tokens.ts'
import type { Script } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { startProviders } from '#test/simulator.ts'

export interface Kind {
  readonly name: string
  /** The provider tells what it thinks. */
  readonly seesThinking: boolean
  /** What the answer's `model` says, where it is not the client's name. */
  readonly model?: string
  readonly start: (
    script: Script,
  ) => Effect.Effect<{ readonly provider: object; readonly simulator: Simulator }, never, Scope.Scope>
}

const anthropic: Kind = {
  name: 'anthropic',
  seesThinking: true,
  start: (script) =>
    Effect.map(startProviders({ it: { script, strict: true } }), ({ it }) => ({
      simulator: it,
      provider: { kind: 'anthropic', baseUrl: it.url, credential: 'client' },
    })),
}

/** Signs in as a machine of Google Cloud does: at the metadata server. */
const vertex: Kind = {
  name: 'vertex',
  seesThinking: true,
  start: (script) =>
    Effect.gen(function* () {
      const tokens = yield* Effect.orDie(startGoogleTokens())
      vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${tokens.port}`)
      const { it } = yield* startProviders({ it: { script, strict: true, wire: 'vertex', accessTokens: tokens } })
      return { simulator: it, provider: { kind: 'vertex', project: 'my-project', baseUrl: `${it.url}/v1` } }
    }),
}

const openai: Kind = {
  name: 'openai-compatible, preset openai',
  seesThinking: false,
  start: (script) =>
    Effect.map(startProviders({ it: { script, wire: 'openai', models: ['gpt-6-astra'] } }), ({ it }) => ({
      simulator: it,
      provider: { kind: 'openai-compatible', preset: 'openai', baseUrl: `${it.url}/v1`, credential: 'none' },
    })),
}

const local: Kind = {
  name: 'openai-compatible, a sloppy local server',
  seesThinking: true,
  start: (script) =>
    Effect.map(
      startProviders({
        it: {
          script,
          wire: 'openai',
          models: ['qwen3:30b'],
          accepts: ['top_k'],
          sloppy: { toolCallFinishStop: true, noDone: true, reasoningContent: 'reasoning', keepAliveComments: true },
        },
      }),
      ({ it }) => ({
        simulator: it,
        provider: {
          kind: 'openai-compatible',
          preset: 'ollama',
          baseUrl: `${it.url}/v1`,
          models: { 'claude-*': 'qwen3:30b' },
        },
      }),
    ),
}

export const CLAUDE_KINDS: readonly Kind[] = [anthropic, vertex]
export const CHAT_KINDS: readonly Kind[] = [openai, local]
export const KINDS: readonly Kind[] = [...CLAUDE_KINDS, ...CHAT_KINDS]
