/**
 * The words by which servers name the kind of an error, in lower case with `_` for blanks and hyphens (see read-error.ts).
 * Facts: providers 2.5, 3.2, 4.5, 5.3 and 9; Groq's and Alibaba's are from their documentation.
 */
import type { ChatError } from '#domain/dialect/openai/read-error.ts'

export const names = (error: ChatError, words: ReadonlySet<string>): boolean => !words.isDisjointFrom(error.words)

export const RETIRED = new Set(['github_models_retirement_brownout'])

export const CONTENT = new Set([
  'content_filter',
  'responsibleaipolicyviolation',
  'content_policy_violation',
  'refusal',
  'data_inspection_failed',
])

/** An account that only its owner can fill up again. */
export const QUOTA = new Set([
  'insufficient_quota',
  'insufficient_credits',
  'insufficient_balance',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_disabled',
  'exceeded_current_quota_error',
  'payment_required',
  'billing_error',
  'arrearage',
  'servicequotaexceededexception',
])

export const CREDENTIAL = new Set([
  'invalid_api_key',
  'invalidapikey',
  'api_key_invalid',
  'authentication',
  'authentication_error',
  'unauthenticated',
  'unauthorized',
  'permission_denied',
  'permission_error',
  'accessdeniedexception',
  'unrecognizedclientexception',
  'expiredtokenexception',
])

/** This server does not serve the model to this account; another may. */
export const NO_MODEL = new Set([
  'model_not_found',
  'deploymentnotfound',
  'not_found',
  'not_found_error',
  'no_endpoints',
  'model_deprecated',
  'model_unavailable_upstream',
  'privacy_restricted',
  'constraint_filtered',
  'free_variant_ended',
  'region_restricted',
  'resourcenotfoundexception',
  // Google's "Project … is not allowed to use Publisher Model …": nothing is wrong with the request itself.
  'failed_precondition',
])

export const RATE = new Set([
  'rate_limit_exceeded',
  'rate_limit_error',
  'rate_limited',
  'ratelimitreached',
  'toomanyrequests',
  'too_many_requests',
  'capacity_exhausted',
  'resource_exhausted',
  'throttlingexception',
])

export const OVERLOAD = new Set([
  'overloaded',
  'server_overloaded',
  'overloaded_error',
  'provider_overloaded',
  'temporarily_unavailable',
  'unavailable',
  'serviceunavailableexception',
  'modelnotreadyexception',
])

export const TIMEOUT = new Set(['timeout', 'timeout_error', 'deadline_exceeded', 'modeltimeoutexception'])

/** The model wrote something that the server could not use: asking again, or elsewhere, may do. */
export const GENERATION = new Set([
  'tool_use_failed',
  'json_validate_failed',
  'output_parse_failed',
  'modelerrorexception',
  'modelstreamerrorexception',
])

export const BAD_REQUEST = new Set([
  'invalid_request_error',
  'invalid_request',
  'badrequesterror',
  'bad_request',
  'invalid_argument',
  'validationexception',
])
