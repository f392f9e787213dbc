/** Names and folders of an instance that shares its log. */
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { ClusterConfig } from '#infra/config/config.ts'
import { type Place, xdgFolder } from '#infra/config/place.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

export const resolveCluster = ({ cluster }: ConfigFile, place: Place, checks: Checks): ClusterConfig => ({
  instance: cluster?.instance ?? hostname(),
  spool:
    cluster?.spool === undefined
      ? join(xdgFolder(place, 'XDG_DATA_HOME', '.local/share'), 'spool')
      : resolve(absolutePath(cluster.spool, ['cluster', 'spool'], checks)),
  whileAway: cluster?.whileAway ?? 'granted',
})
