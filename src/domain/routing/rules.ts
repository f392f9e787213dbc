/**
 * The operator's exceptions: requests of a kind, or for a model, that go by another strategy or to certain providers alone.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { RouteRule } from '#domain/policy.ts'
import { requestKind } from '#domain/request-kind.ts'

/** The first rule that fits, in the operator's order; what a rule does not name fits everything. */
export const ruleFor = (rules: readonly RouteRule[], request: RequestAdmitted): RouteRule | undefined =>
  rules.find(
    ({ kind, model }) =>
      (kind === undefined || kind === requestKind(request)) &&
      (model === undefined || matchesModel(model, request.model)),
  )
