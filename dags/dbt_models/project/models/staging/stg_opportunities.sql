select
    id as opportunity_id,
    account_id,
    stage_name as stage,
    coalesce(amount, 0) as amount,
    amount is null as amount_is_missing,
    date_trunc('month', close_date)::date as close_month
from {{ source('salesforce', 'opportunity') }}
