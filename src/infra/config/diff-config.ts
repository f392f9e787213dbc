import { Equal, Redacted } from 'effect'
import type { Config } from '#infra/config/config.ts'
import { formatKey } from '#infra/config/problem.ts'

/**
 * Paths of the values that differ, in the order of the configuration, never the values. Where it was read from and its
 * warnings do not count. An added or removed provider is named once.
 */
export const diffConfig = (a: Config, b: Config): readonly string[] => {
  const changed = compare(comparable(a), comparable(b), [])
  const inBoth = (config: Config, other: Config) =>
    config.providers.map(({ id }) => id).filter((id) => other.providers.some((provider) => provider.id === id))
  const reordered = !Equal.equals(inBoth(a, b), inBoth(b, a))
  return reordered ? [...changed, 'providers'] : changed
}

const comparable = ({
  source: _source,
  warnings: _warnings,
  discovery: _discovery,
  providers,
  adminToken,
  ...rest
}: Config) => ({
  providers: Object.fromEntries(
    providers.map(({ id, policy, headers, ...provider }) => [
      id,
      { ...provider, ...policy, headers: Object.fromEntries(headers) },
    ]),
  ),
  ...rest,
  adminToken: adminToken === undefined ? undefined : Redacted.value(adminToken),
})

const compare = (a: unknown, b: unknown, path: readonly string[]): readonly string[] => {
  if (isBlock(a) && isBlock(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      compare(own(a, key), own(b, key), [...path, key]),
    )
  }
  return Equal.equals(a, b) ? [] : [formatKey(path)]
}

/** A tagged reference is one value. */
const isBlock = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !('_tag' in value)

const own = (block: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(block, key) ? block[key] : undefined
