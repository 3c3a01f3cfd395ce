select
    accounts.account_id,
    accounts.industry,
    count(won.opportunity_id) as won,
    coalesce(sum(won.amount), 0) as revenue
from {{ ref('stg_accounts') }} as accounts
left join {{ ref('stg_opportunities') }} as won on won.account_id = accounts.account_id and won.stage = 'Closed Won'
group by accounts.account_id, accounts.industry
