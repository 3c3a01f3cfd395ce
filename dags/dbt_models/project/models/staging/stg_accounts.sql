select id as account_id, name, coalesce(industry, 'Unknown') as industry, annual_revenue
from {{ source('salesforce', 'account') }}
