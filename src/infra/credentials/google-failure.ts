/**
 * What an error of google-auth-library means, by status, code and kind. Its texts hold answers of endpoints, and its objects
 * the requests with assertions and refresh tokens: nothing of either goes further.
 */
import type { GoogleCredential } from '#infra/credentials/google-file.ts'
import type { GoogleReason } from '#infra/credentials/google-reason.ts'

/** Codes of OAuth 2.0 (RFC 6749, 8693), of Google's login policy, and of google.rpc; anything else might be free text. */
const KNOWN_CODES: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
  'admin_policy_enforced',
  'org_internal',
  'internal_failure',
  'INVALID_ARGUMENT',
  'FAILED_PRECONDITION',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'NOT_FOUND',
  'RESOURCE_EXHAUSTED',
  'INTERNAL',
  'UNAVAILABLE',
])

export const googleFailure = (error: unknown, credential: GoogleCredential): GoogleReason => {
  const response = field(error, 'response')
  const status = field(response, 'status')
  if (typeof status === 'number') {
    const code = standardCode(field(response, 'data'))
    if (code === 'invalid_grant') return { _tag: 'GoogleGrantRefused', login: isLogin(credential) }
    return code === undefined ? { _tag: 'GoogleRefused', status } : { _tag: 'GoogleRefused', status, code }
  }
  const code = systemCode(error)
  // Only an error of a request carries the request.
  if (field(error, 'config') !== undefined) {
    return { _tag: 'GoogleUnreachable', metadata: credential._tag === 'Metadata', code: code ?? 'unknown error' }
  }
  return { _tag: 'GoogleSourceFailed', code: code ?? 'unknown error' }
}

/** `{"error": "invalid_grant"}` of OAuth, or `{"error": {"status": "PERMISSION_DENIED"}}` of Google's other services. */
const standardCode = (body: unknown): string | undefined => {
  const error = field(body, 'error')
  const code = typeof error === 'string' ? error : field(error, 'status')
  return typeof code === 'string' && KNOWN_CODES.has(code) ? code : undefined
}

/** A code of the system or of Node (ENOENT, ERR_OSSL_…), or an exit code; of the error or of what caused it. */
const systemCode = (error: unknown, depth = 0): string | undefined => {
  const code = field(error, 'code')
  if (typeof code === 'string' && /^(?:E[A-Z0-9_]{2,60}|\d{1,3})$/.test(code)) {
    return /^\d/.test(code) ? `exit code ${code}` : code
  }
  const cause = field(error, 'cause')
  return cause === undefined || depth > 3 ? undefined : systemCode(cause, depth + 1)
}

/** Whether a person logged in, and can do so again. */
const isLogin = (credential: GoogleCredential): boolean => {
  if (credential._tag === 'Metadata') return false
  const { content } = credential
  const { type } = content.type === 'impersonated_service_account' ? content.source_credentials : content
  return type === 'authorized_user' || type === 'external_account_authorized_user'
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
