/**
 * The configuration in force: plain data, every default filled in, durations in Ms, paths absolute, credentials as references.
 */
import type { Redacted } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import type { KeyMode } from '#domain/client-key.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { Budget, Policy, ProviderPolicy } from '#domain/policy.ts'
import type { AlertsConfig, TextSource } from '#infra/alerts/settings.ts'
import type { CaptureOptions } from '#infra/captures/captures.ts'
import type { SourceFiles } from '#infra/config/files.ts'
import type { ConfigProblem } from '#infra/config/problem.ts'
import type { CredentialReference, TokenReference } from '#infra/credentials/credential-reference.ts'
import type { PostgresSettings } from '#infra/event-log/postgres-settings.ts'
import type { LogFileOptions } from '#infra/log-file/log-file.ts'
import type { PriceBook } from '#infra/prices/price-book.ts'
import type { ProviderKind } from '#infra/upstream/presets/index.ts'
import type { Profile } from '#infra/upstream/profile.ts'

export interface ResolvedProvider {
  readonly id: ProviderId
  readonly kind: ProviderKind
  readonly preset?: string
  /** What it speaks. */
  readonly profile: Profile
  /** Scheme, host, port and path prefix; no trailing slash. */
  readonly baseUrl: string
  readonly credential: CredentialReference
  /** Names in lower case. */
  readonly headers: HeaderList
  readonly tls: {
    /** Absolute path of a PEM file. */
    readonly ca?: string
    /** Absolute paths of PEM files. */
    readonly identity?: { readonly certFile: string; readonly keyFile: string }
  }
  /** Absent: as its host says (infra/upstream/connect-guard.ts). */
  readonly allowPrivate?: boolean
  readonly proxy?: string
  /** The preset's own models, under what the configuration says. */
  readonly builtInModels?: Readonly<Record<string, string>>
  /** What decisions depend on; `models` are the provider's own, without the common ones. */
  readonly policy: Omit<ProviderPolicy, 'id' | 'kind'>
}

export interface TracesConfig {
  /** Where spans are posted to; absent: nowhere. */
  readonly endpoint?: string
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: TextSource])[]
  readonly sampleShare: number
  /** Providers are told the trace of their attempt. */
  readonly propagate: boolean
}

export interface ServerConfig {
  readonly host: string
  readonly port: number
  readonly bodyLimitBytes: number
  /** Lower case. */
  readonly allowedHosts: readonly string[]
  readonly drainTimeoutMs: number
  readonly stopDelayMs: number
  readonly requestTimeoutMs: number
  readonly sendTimeoutMs: number
  readonly adminToken?: TokenReference
  readonly readToken?: TokenReference
  /** As browsers write them: scheme, host and port where it is not the usual one. */
  readonly corsOrigins: readonly string[]
  readonly clientKeys: KeyMode
  /** Absent: plain HTTP. Absolute paths of PEM files. */
  readonly tls?: {
    readonly certFile: string
    readonly keyFile: string
    readonly clientCaFile?: string
    /** Of the commands that ask this server. */
    readonly commands?: ResolvedProvider['tls']
    readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  }
  /** Absent: nobody said; 0: any number. */
  readonly maxConnectionsPerAddress?: number
  /** Absent: nobody said. */
  readonly openMetrics?: boolean
  /** Absent: as the memory allows. */
  readonly maxRequests?: number
  readonly bodyMemoryBytes?: number
}

/** Of an instance that may share its log. */
export interface ClusterConfig {
  readonly instance: string
  /** Absolute path of a folder. */
  readonly spool: string
  readonly whileAway: 'granted' | 'deny'
}

/** A provider that needs nothing but variables, and whether they are set. */
export interface Discovery {
  readonly provider: string
  /** All of these; of alternatives the one that is set, else the first. */
  readonly variables: readonly string[]
  readonly found: boolean
}

export interface Config {
  readonly source: SourceFiles
  /** What works but is probably not meant. */
  readonly warnings: readonly ConfigProblem[]
  /** How providers were looked for in the environment; empty when the file has a `providers` block. */
  readonly discovery: readonly Discovery[]
  /** The composition root starts the simulated providers. */
  readonly simulator: boolean
  readonly providers: readonly ResolvedProvider[]
  /** Client pattern → provider → the name it is asked for. */
  readonly models: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly routing: Policy['routing']
  /** IANA name. */
  readonly timeZone: string
  readonly budgets: readonly Budget[]
  readonly retryBudget: Policy['retryBudget']
  readonly stream: Policy['stream']
  /** 0: no checks. */
  readonly healthChecks: { readonly intervalMs: number }
  readonly server: ServerConfig
  readonly database: {
    /** `sqlite:` and an absolute path, `sqlite::memory:`, or `postgres://…`, which may hold a password. */
    readonly url: string
    /** Absolute path of the folder of what this machine keeps beside the log; absent for a log in memory. */
    readonly folder?: string
    readonly postgres: PostgresSettings
  }
  readonly cluster: ClusterConfig
  readonly retention: {
    /** Requests older than this go to an archive; 0: never. */
    readonly detailMs: number
    /** Absolute path of a folder. */
    readonly archive: string
  }
  readonly capture: CaptureOptions & {
    /** Off: no thread, no file. */
    readonly enabled: boolean
  }
  /** The operator's own, beside those of the providers. */
  readonly prices: {
    /** Absolute path of the file. */
    readonly file?: string
    /** What stands in it. */
    readonly book?: PriceBook
    readonly url?: string
  }
  readonly alerts: AlertsConfig
  readonly log: {
    readonly level: 'none' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
    /** Absent: pretty on a terminal, JSON elsewhere. */
    readonly format?: 'pretty' | 'json'
    readonly file?: LogFileOptions
  }
  readonly telemetry: { readonly traces: TracesConfig }
  readonly features: {
    readonly simulator: 'auto' | 'on' | 'off'
    readonly modelDiscovery: boolean
    readonly countTokens: boolean
    readonly quotaHeaders: boolean
    readonly priceFeed: boolean
    readonly strategies: { readonly [K in Policy['routing']['strategy']]: boolean }
  }
  /** From SIGNALBOX_ADMIN_TOKEN only. */
  readonly adminToken?: Redacted.Redacted<string>
}
