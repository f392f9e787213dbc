/**
 * What a kind of upstream is for tests: how a simulated provider of it is started, what a configuration says of it, and what
 * is to be expected.
 */
import { Effect, type Scope } from 'effect'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { type GoogleTokens, startGoogleTokens } from '#infra/simulator/google-tokens.ts'
import type { Script } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import type { Story } from '#infra/simulator/story.ts'
import { startProviders } from '#test/simulator.ts'

/** What a provider of some kind is started with. */
export interface Cast {
  /** Name of the simulated provider. */
  readonly id: string
  readonly script?: Script
  readonly story?: Story
  /** Where those sign in that take Google's tokens. */
  readonly google: GoogleTokens
}

export interface Kind {
  readonly name: string
  /** Thinking comes with the provider's own signature, with a mark of ours in its place, or not at all. */
  readonly thinking: 'own signature' | 'wrapped signature' | 'our mark' | 'none'
  /** What the answer's `model` says, where it is not the client's name. */
  readonly model?: string
  /** The header in which the provider wants its credential; none where it wants none. */
  readonly credential: 'x-api-key' | 'api-key' | 'authorization' | undefined
  /** It is one of Google's access tokens. */
  readonly google?: true
  /** What a client must send itself, where its own credential is forwarded. */
  readonly client?: { readonly apiKey: string } | { readonly authToken: string }
  /** Images reach the model. */
  readonly seesImages: boolean
  /** Requests and answers are translated. */
  readonly translated: boolean
  /** Type of an overload in the middle of a stream, where the server's words do not tell that it is one. */
  readonly streamError?: string
  /** What the server demands of the ids of tool calls, beyond the simulator's own checks. */
  readonly callIds?: RegExp
  readonly start: (cast: Cast) => Effect.Effect<Started, never, Scope.Scope>
}

export interface Started {
  /** The entry of the configuration. */
  readonly provider: object
  readonly simulator: Simulator
}

/** Keys of no worth; the first is what the real client sends in the scenarios. */
export const CLIENT_KEY = 'sk-ant-test-000'
export const CLIENT_TOKEN = 'sk-ant-oat01-test-000'
export const GATEWAY_KEY = 'sk-simulated-gateway-000'

/** How a configuration names the key of the gateway. */
export const OURS = { env: 'SIMULATED_KEY' }

/** What Signalbox must find in its environment. */
export const environmentFor = (google: GoogleTokens): { readonly [name: string]: string } => ({
  SIMULATED_KEY: GATEWAY_KEY,
  GCE_METADATA_HOST: `127.0.0.1:${google.port}`,
})

export const startGoogle: Effect.Effect<GoogleTokens, never, Scope.Scope> = Effect.orDie(startGoogleTokens())

/** Starts a provider as `wire` says; `entry` makes its configuration from its address. */
export const startKind =
  (wire: Omit<EngineOptions, 'id' | 'script' | 'story'>, entry: (url: string) => object): Kind['start'] =>
  ({ id, script = [], story, google }) =>
    Effect.gen(function* () {
      const tokens = wire.wire === 'vertex' ? { accessTokens: google } : {}
      const told = story === undefined ? {} : { story }
      const { [id]: simulator } = yield* startProviders({ [id]: { script, ...told, strict: true, ...tokens, ...wire } })
      if (simulator === undefined) return yield* Effect.die(new Error(`${id} was not started`))
      return { simulator, provider: entry(simulator.url) }
    })
