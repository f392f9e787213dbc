/**
 * The wire of a provider by its name.
 */
import { anthropicWire } from '#infra/simulator/anthropic/wire.ts'
import type { WireName } from '#infra/simulator/engine-options.ts'
import { githubModelsWire } from '#infra/simulator/github-models/wire.ts'
import { openAiWire } from '#infra/simulator/openai/wire.ts'
import { openRouterWire } from '#infra/simulator/openrouter/wire.ts'
import { vertexWire } from '#infra/simulator/vertex/wire.ts'
import type { Wire, WireContext } from '#infra/simulator/wire.ts'

export const makeWire = (context: WireContext): Wire => WIRES[context.options.wire ?? 'anthropic'](context)

const WIRES: { readonly [K in WireName]: (context: WireContext) => Wire } = {
  anthropic: anthropicWire,
  openai: openAiWire,
  'github-models': githubModelsWire,
  openrouter: openRouterWire,
  vertex: vertexWire,
}
