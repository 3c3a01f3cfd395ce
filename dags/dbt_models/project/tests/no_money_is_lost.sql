-- Rows mean failure: both marts and the source must agree on what was won.
select marts.revenue, source.revenue as expected
from (select sum(revenue) as revenue from {{ ref('revenue_by_account') }}) as marts
cross join (select sum(amount) as revenue from {{ source('salesforce', 'opportunity') }} where stage_name = 'Closed Won') as source
where marts.revenue is distinct from source.revenue
