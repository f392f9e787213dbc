import { matchesModel } from '#domain/model-map.ts'
import type { Policy } from '#domain/policy.ts'
import type { Config } from '#infra/config/config.ts'

type Models = Readonly<Record<string, string>>

/**
 * The part of the configuration that decisions depend on. The common `models` become part of each provider's, and so do the
 * built-in ones of its preset; the order of the providers is the order of the file.
 */
export const toPolicy = (config: Config): Policy => ({
  providers: config.providers.map(({ id, kind, builtInModels, policy }) => ({
    id,
    kind,
    ...policy,
    models: over(builtInModels ?? {}, { ...commonModels(config, id), ...policy.models }),
  })),
  routing: config.routing,
  retryBudget: config.retryBudget,
  stream: config.stream,
})

/** A built-in pattern that one of the operator's covers is gone, so that a longer one never wins against what they say. */
const over = (builtIn: Models, said: Models): Models => ({
  ...Object.fromEntries(
    Object.entries(builtIn).filter(([pattern]) => !Object.keys(said).some((own) => matchesModel(own, pattern))),
  ),
  ...said,
})

const commonModels = (config: Config, id: string): Models =>
  Object.fromEntries(
    Object.entries(config.models).flatMap(([pattern, names]) => {
      const name = Object.hasOwn(names, id) ? names[id] : undefined
      return name === undefined ? [] : [[pattern, name]]
    }),
  )
