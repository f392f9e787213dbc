import type { Policy } from '#domain/policy.ts'
import type { Config } from '#infra/config/config.ts'

/**
 * The part of the configuration that decisions depend on. The common `models` become part of each provider's; the order of
 * the providers is the order of the file.
 */
export const toPolicy = (config: Config): Policy => ({
  providers: config.providers.map(({ id, kind, policy }) => ({
    id,
    kind,
    ...policy,
    models: { ...commonModels(config, id), ...policy.models },
  })),
  routing: config.routing,
  retryBudget: config.retryBudget,
  stream: config.stream,
})

const commonModels = (config: Config, id: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(config.models).flatMap(([pattern, names]) => {
      const name = Object.hasOwn(names, id) ? names[id] : undefined
      return name === undefined ? [] : [[pattern, name]]
    }),
  )
