-- relation: ops.overrides
-- grain: one row per override and version, as delivered: who set which grade, why and until when
-- key: portfolio, enterprise_id, decided_at, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: staging.stg_overrides
-- parameters: none
-- inherit staging.stg_overrides: all

from wh.staging.stg_overrides
