/**
 * The HTTP server's part of the configuration.
 */
import type { Checks } from '#infra/config/checks.ts'
import type { ServerConfig } from '#infra/config/config.ts'
import { sizeBytes } from '#infra/config/quantities.ts'
import { resolveToken } from '#infra/config/resolve-credential.ts'
import { ms } from '#infra/config/resolve-provider.ts'
import { resolveServerTls } from '#infra/config/resolve-tls.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

export const resolveServer = ({ server }: ConfigFile, checks: Checks): ServerConfig => ({
  host: server?.host ?? '127.0.0.1',
  port: server?.port ?? 8080,
  bodyLimitBytes: sizeBytes(server?.bodyLimit ?? '32 MiB'),
  allowedHosts: (server?.allowedHosts ?? []).map((host) => host.toLowerCase()),
  drainTimeoutMs: ms(server?.drainTimeout, 300_000),
  stopDelayMs: ms(server?.stopDelay, 5_000),
  requestTimeoutMs: ms(server?.requestTimeout, 300_000),
  sendTimeoutMs: ms(server?.sendTimeout, 600_000),
  ...(server?.adminToken === undefined
    ? {}
    : { adminToken: resolveToken(server.adminToken, 'bearer', ['server', 'adminToken'], checks) }),
  ...(server?.readToken === undefined
    ? {}
    : { readToken: resolveToken(server.readToken, 'bearer', ['server', 'readToken'], checks) }),
  corsOrigins: (server?.corsOrigins ?? []).map((origin) => resolveOrigin(origin, checks)),
  clientKeys: server?.clientKeys ?? 'optional',
  ...resolveServerTls(server?.tls, checks),
  ...(server?.maxConnectionsPerAddress === undefined
    ? {}
    : { maxConnectionsPerAddress: server.maxConnectionsPerAddress }),
  ...(server?.openMetrics === undefined ? {} : { openMetrics: server.openMetrics }),
  ...(server?.maxRequests === undefined ? {} : { maxRequests: server.maxRequests }),
  ...(server?.bodyMemory === undefined ? {} : { bodyMemoryBytes: sizeBytes(server.bodyMemory) }),
})

/** A path or a slash at its end would never be what a browser sends. */
const resolveOrigin = (text: string, checks: Checks): string => {
  const url = URL.parse(text)
  const isOrigin =
    url !== null && /^https?:$/.test(url.protocol) && `${url.protocol}//${url.host}` === text.toLowerCase()
  if (!isOrigin) {
    checks.report(
      'invalidValue',
      ['server', 'corsOrigins'],
      'expected origins such as https://ops.example.com, without a path',
    )
  }
  return text.toLowerCase()
}
