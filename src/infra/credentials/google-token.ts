/**
 * One access token from google-auth-library. A client is made anew for each token, so that nothing old is kept where it
 * cannot be seen: no token the upstream refused, no key that was replaced, no request that hangs.
 */
import { Effect } from 'effect'
import type {
  AuthClient,
  BaseExternalAccountClient,
  IdentityPoolClientOptions,
  OAuth2ClientOptions,
} from 'google-auth-library'
import { googleFailure } from '#infra/credentials/google-failure.ts'
import type { GoogleCredential, GoogleFile, GoogleSourceFile } from '#infra/credentials/google-file.ts'
import { loadGoogle } from '#infra/credentials/google-library.ts'
import { hasMetadataServer } from '#infra/credentials/google-metadata.ts'
import type { GoogleReason } from '#infra/credentials/google-reason.ts'

export interface GoogleToken {
  readonly token: string
  /** From now on; absent when the endpoint does not say. */
  readonly lifetimeMs?: number
}

export interface TokenRequest {
  /** What requests to Google's endpoints go through instead of the network; the library's own client otherwise. */
  readonly fetch?: typeof fetch | undefined
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** A token is some kilobytes. */
const MAX_ANSWER_BYTES = 65_536

export const requestGoogleToken = (
  credential: GoogleCredential,
  request: TokenRequest,
): Effect.Effect<GoogleToken, GoogleReason> =>
  Effect.gen(function* () {
    const google = yield* loadGoogle
    if (credential._tag === 'Metadata' && !(yield* hasMetadataServer)) {
      return yield* Effect.fail<GoogleReason>({ _tag: 'GoogleNotFound' })
    }
    if (credential._tag === 'File' && runsProgram(credential.content) && !programsAllowed()) {
      return yield* Effect.fail<GoogleReason>({ _tag: 'GoogleExecutableForbidden' })
    }
    const answer = yield* Effect.tryPromise({
      try: async (signal) => {
        const client = makeClient(google, credential, optionsOf(request, signal))
        const { token, res } = await client.getAccessToken()
        return { token, expiresAtMs: client.credentials.expiry_date, body: res?.data as unknown }
      },
      catch: (error) => googleFailure(error, credential),
    })
    if (typeof answer.token !== 'string') return yield* Effect.fail<GoogleReason>({ _tag: 'GoogleNoToken' })
    const lifetimeMs = lifetimeOf(answer.expiresAtMs, answer.body)
    return lifetimeMs === undefined ? { token: answer.token } : { token: answer.token, lifetimeMs }
  })

type Library = Effect.Success<typeof loadGoogle>

const optionsOf = (request: TokenRequest, signal: AbortSignal): OAuth2ClientOptions => ({
  // With them the library would write requests and answers to its own log when a variable asks for it.
  useAuthRequestParameters: false,
  transporterOptions: {
    signal,
    size: MAX_ANSWER_BYTES,
    // A credential goes to the endpoint it is for, and nowhere else.
    redirect: 'error',
    // Who waits for the token tries again, on the clock of the program.
    retryConfig: { retry: 0 },
    ...(request.fetch === undefined ? {} : { fetchImplementation: request.fetch }),
  },
})

const makeClient = (google: Library, credential: GoogleCredential, options: OAuth2ClientOptions): AuthClient => {
  if (credential._tag === 'Metadata') return new google.Compute({ ...options, scopes: [SCOPE] })
  const { content } = credential
  if (content.type !== 'impersonated_service_account') return sourceClient(google, content, options)
  return google.withoutWarning(
    () =>
      new google.Impersonated({
        ...options,
        sourceClient: sourceClient(google, content.source_credentials, options),
        targetPrincipal: principalOf(content.service_account_impersonation_url),
        targetScopes: [SCOPE],
        delegates: [...(content.delegates ?? [])],
      }),
  )
}

const sourceClient = (google: Library, file: GoogleSourceFile, options: OAuth2ClientOptions): AuthClient => {
  const quota = file.quota_project_id === undefined ? {} : { quotaProjectId: file.quota_project_id }
  switch (file.type) {
    case 'service_account':
      return new google.JWT({ ...options, ...quota, email: file.client_email, key: file.private_key, scopes: [SCOPE] })
    case 'authorized_user': {
      const { client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken } = file
      return new google.UserRefreshClient({ ...options, ...quota, clientId, clientSecret, refreshToken })
    }
    case 'external_account':
      return externalClient(google, file, options)
    case 'external_account_authorized_user':
      return new google.ExternalAccountAuthorizedUserClient({
        ...options,
        ...file,
        audience: file.audience ?? '',
        token_info_url: file.token_info_url ?? '',
      })
  }
}

type ExternalFile = Extract<GoogleSourceFile, { readonly type: 'external_account' }>

const externalClient = (google: Library, file: ExternalFile, options: OAuth2ClientOptions): AuthClient => {
  const client = google.withoutWarning(() =>
    google.ExternalAccountClient.fromJSON({
      // The library checks these fields itself, and takes any others.
      ...(file as object as IdentityPoolClientOptions),
      ...options,
      scopes: [SCOPE],
    }),
  )
  if (client === null) throw new TypeError('the library knows no client for this type')
  useTransporter(client)
  return client
}

/** The library makes a transporter of its own for the exchange at the token service, which would know no limits. */
const useTransporter = (client: BaseExternalAccountClient): void => {
  // biome-ignore lint/complexity/useLiteralKeys: the members are protected, and there is no option for them.
  client['stsCredential']['transporter'] = client.transporter
}

/** The service account at the end of `…/serviceAccounts/NAME:generateAccessToken`. */
const principalOf = (url: string): string => /([^/:]+):generateAccessToken$/.exec(url)?.[1] ?? ''

const runsProgram = (file: GoogleFile): boolean => {
  const source = file.type === 'impersonated_service_account' ? file.source_credentials : file
  return source.type === 'external_account' && 'executable' in source.credential_source
}

/** The switch of Google's own libraries. */
const programsAllowed = (): boolean => process.env.GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES === '1'

/** The library reckons on the clock of the machine; what counts here is how long the token lives from now. */
const lifetimeOf = (expiresAtMs: number | null | undefined, body: unknown): number | undefined => {
  if (typeof expiresAtMs === 'number') return expiresAtMs - Date.now()
  // The client of a workforce login tells the expiry in its answer only.
  if (typeof body === 'object' && body !== null && 'expires_in' in body && typeof body.expires_in === 'number') {
    return body.expires_in * 1_000
  }
  return undefined
}
