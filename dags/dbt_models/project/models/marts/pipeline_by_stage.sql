select stage, count(*) as opportunities, sum(amount) as amount, count(*) filter (where amount_is_missing) as without_amount
from {{ ref('stg_opportunities') }}
group by stage
